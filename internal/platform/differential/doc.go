// Package differential holds the test that every door of the platform gives the
// same verdict on the same request. A door is one file here, behind the
// interface in door_test.go.
package differential
