package main

import "github.com/spf13/cobra"

func markingCommand() *cobra.Command {
	return &cobra.Command{Use: "marking", Short: "Validate, render and roll up security markings, and decide access"}
}
