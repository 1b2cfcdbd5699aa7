variable "subscription_id" {
  description = "Subscription of this environment."
  type        = string
}

variable "location" {
  description = "Azure region; one with availability zones."
  type        = string
}

variable "authorized_ip_ranges" {
  description = "Addresses that may reach a public API server, in CIDR notation. Empty: all; a token of Entra ID is needed in any case. A private one is reached from its network only."
  type        = list(string)
  default     = []
}

variable "admin_group_object_ids" {
  description = "Groups of Entra ID that administer the cluster."
  type        = list(string)
}

variable "viewer_group_object_ids" {
  description = "Groups of Entra ID that may read dashboards."
  type        = list(string)
  default     = []
}

variable "registry" {
  description = "Output registry of environments/shared."
  type = object({
    id           = string
    login_server = string
  })
}

variable "gitops" {
  description = "Repository and branch with the files of the environments."
  type = object({
    repository = string
    revision   = string
  })
  default = {
    repository = "https://github.com/ballast-sre/ballast"
    revision   = "main"
  }
}

variable "receivers" {
  description = "Who gets pages and who tickets."
  type = map(object({
    short_name = string
    emails     = list(string)
  }))
}

variable "monthly_budget" {
  description = "What a month may cost, in the currency of the subscription. There is no default: decide it for your subscription."
  type        = number
}

variable "budget_start_date" {
  description = "First day of the month in which counting begins, as 2026-01-01T00:00:00Z."
  type        = string
}

variable "pipeline_connection" {
  description = "Issuer and subject of the service connection of this environment, from the output connections of environments/devops. Null until the connection exists."
  type = object({
    issuer  = string
    subject = string
  })
  default = null
}
