variable "project" {
  description = "Name of the project in Azure DevOps."
  type        = string
}

variable "source_url" {
  description = "Repository that is imported once."
  type        = string
}

variable "connections" {
  description = "Identity of each service connection: release, dev, staging, prod."
  type = map(object({
    client_id         = string
    tenant_id         = string
    subscription_id   = string
    subscription_name = string
  }))

  validation {
    condition     = toset(keys(var.connections)) == toset(["release", "dev", "staging", "prod"])
    error_message = "connections must have exactly the keys release, dev, staging and prod."
  }
}

variable "approver_ids" {
  description = "Groups or people of Azure DevOps that agree to a release and to promotions."
  type        = list(string)

  validation {
    condition     = length(var.approver_ids) > 0
    error_message = "approver_ids must have at least one id, or nothing could ever be released."
  }
}

variable "prometheus_urls" {
  description = "Output prometheus_url of the environments staging and prod: where rollback-on-page asks for alerts."
  type        = map(string)

  validation {
    condition     = toset(keys(var.prometheus_urls)) == toset(["staging", "prod"])
    error_message = "prometheus_urls must have exactly the keys staging and prod."
  }
}

variable "registry" {
  description = "Host of the registry, output registry of environments/shared."
  type        = string
}

variable "signing_key" {
  description = "The key, output signing_key of environments/shared."
  type        = string

  validation {
    condition     = startswith(var.signing_key, "azurekms://")
    error_message = "signing_key must be like azurekms://VAULT.vault.azure.net/KEY."
  }
}
