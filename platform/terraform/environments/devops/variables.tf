variable "organization_url" {
  description = "The organisation, like https://dev.azure.com/NAME."
  type        = string
}

variable "project" {
  description = "Name of the project."
  type        = string
  default     = "ballast"
}

variable "source_url" {
  description = "Repository that is imported once."
  type        = string
  default     = "https://github.com/ballast-sre/ballast"
}

variable "connections" {
  description = "Identity of each service connection: release, dev, staging, prod."
  type = map(object({
    client_id         = string
    tenant_id         = string
    subscription_id   = string
    subscription_name = string
  }))
}

variable "approver_ids" {
  description = "Groups or people of Azure DevOps that agree to a release and to promotions."
  type        = list(string)
}

variable "prometheus_urls" {
  description = "Output prometheus_url of the environments staging and prod."
  type        = map(string)
}

variable "registry" {
  description = "Host of the registry, output registry of environments/shared."
  type        = string
}

variable "signing_key" {
  description = "The key, output signing_key of environments/shared."
  type        = string
}
