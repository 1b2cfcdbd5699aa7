variable "name" {
  description = "Name of the registry, unique in Azure: letters and digits."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9]{5,50}$", var.name))
    error_message = "name must be 5 to 50 letters and digits."
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

variable "pusher_principal_id" {
  description = "Object id of the identity of the pipeline that publishes."
  type        = string
}

variable "log_analytics_workspace_id" {
  description = "Workspace for the log of logins and pushes."
  type        = string
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
}
