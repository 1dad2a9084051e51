variable "marking" {
  description = "Marking of everything this module publishes."
  type        = string
  default     = "SECRET//REL TO USA, GBR"

  validation {
    condition     = provider::datamesh::marking_dominates(var.marking, "CONFIDENTIAL//REL TO USA, FVEY")
    error_message = "The marking must be at least as strict as CONFIDENTIAL//REL TO USA, FVEY."
  }
}
