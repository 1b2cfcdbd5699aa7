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
    error_message = "A ServiceAccount gets no role that can change what it is not there for."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
}
