variable "environment" {
  description = "Name of the environment: a directory of platform/argocd/environments."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be dev, staging or prod."
  }
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "address_space" {
  description = "Addresses of the network, a /16 that no other environment has."
  type        = string
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes. Null: what Azure recommends."
  type        = string
  default     = null
}

variable "uptime_sla" {
  description = "Whether the control plane has an uptime SLA."
  type        = bool
}

variable "private" {
  description = "Whether the API server is reachable from the virtual network only."
  type        = bool
}

variable "authorized_ip_ranges" {
  description = "Addresses from which a public API server answers."
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

variable "zones" {
  description = "Availability zones of the nodes."
  type        = list(string)
}

variable "system_pool" {
  description = "Nodes of what the cluster itself needs."
  type = object({
    vm_size         = string
    min_count       = number
    max_count       = number
    os_disk_size_gb = number
  })
}

variable "user_pool" {
  description = "Nodes of applications."
  type = object({
    vm_size         = string
    min_count       = number
    max_count       = number
    os_disk_size_gb = number
  })
}

variable "spot_max_count" {
  description = "How many spot nodes there may be; 0: no such pool."
  type        = number
}

variable "faults_allowed" {
  description = "Whether experiments may run here."
  type        = bool
}

variable "maintenance_day" {
  description = "Day of the week on which nodes and Kubernetes are updated."
  type        = string
}

variable "log_retention_in_days" {
  description = "How long logs are kept."
  type        = number
}

variable "log_daily_quota_gb" {
  description = "How many gigabytes of logs a day may have."
  type        = number
}

variable "monthly_budget" {
  description = "What a month may cost, in the currency of the subscription."
  type        = number
}

variable "budget_start_date" {
  description = "First day of a month, as 2026-01-01T00:00:00Z."
  type        = string
}

variable "receivers" {
  description = "Who gets pages and who tickets."
  type = map(object({
    short_name = string
    emails     = list(string)
  }))
}

variable "registry" {
  description = "The registry of all environments: output registry of environments/shared."
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
}

variable "pipeline_connection" {
  description = "Issuer and subject of the service connection of this environment, from the output connections of environments/devops. Null until the connection exists."
  type = object({
    issuer  = string
    subject = string
  })
  default = null
}
