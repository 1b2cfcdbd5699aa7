variable "environment" {
  description = "Name of the environment."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group that they are in."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "oidc_issuer_url" {
  description = "Issuer of the tokens of the cluster's ServiceAccounts."
  type        = string
}

variable "service_accounts" {
  description = "Who may do what: a ServiceAccount, and one role on one resource."
  type = map(object({
    namespace = string
    name      = string
    role      = string
    scope     = string
  }))

  validation {
    condition     = alltrue([for s in var.service_accounts : !contains(["Owner", "Contributor", "User Access Administrator"], s.role)])
    error_message = "service_accounts must not have the roles Owner, Contributor or User Access Administrator; name one for the task."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
}
