variable "name" {
  description = "Name of the vault, unique in Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 24 lower-case letters, digits and dashes, beginning with a letter and not ending with a dash."
  }
}

variable "resource_group_name" {
  description = "Resource group that it is in."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "tenant_id" {
  description = "Tenant of Entra ID."
  type        = string
}

variable "signer_principal_id" {
  description = "Object id of the identity of the pipeline that publishes."
  type        = string
}

variable "administrator_object_ids" {
  description = "Object ids of those who may make and rotate keys: whoever applies this, and a group of people."
  type        = list(string)
}

variable "allowed_ip_ranges" {
  description = "Addresses from which the vault answers, in CIDR notation. Empty: from all, as agents that Microsoft hosts have no fixed ones; a token is needed all the same."
  type        = list(string)
  default     = []
}

variable "log_analytics_workspace_id" {
  description = "Workspace for the audit log of the vault."
  type        = string
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
}
