variable "environment" {
  description = "Name of the environment."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group that all of it is in."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "retention_in_days" {
  description = "How long logs are kept."
  type        = number

  validation {
    condition     = var.retention_in_days >= 30 && var.retention_in_days <= 730
    error_message = "retention_in_days is not from 30 to 730."
  }
}

variable "daily_quota_gb" {
  description = "How many gigabytes of logs a day may have."
  type        = number

  validation {
    condition     = var.daily_quota_gb > 0
    error_message = "daily_quota_gb is no cap: -1 means none, and 0 takes nothing."
  }
}

variable "zone_redundant_grafana" {
  description = "Whether Grafana survives a zone."
  type        = bool
}

variable "grafana_viewer_object_ids" {
  description = "Groups of Entra ID that look at dashboards."
  type        = list(string)
  default     = []
}

variable "receivers" {
  description = "Who gets pages and who tickets. A short name has at most 12 characters."
  type = map(object({
    short_name = string
    emails     = list(string)
  }))

  validation {
    condition     = alltrue([for name in ["page", "ticket"] : contains(keys(var.receivers), name)])
    error_message = "receivers has no page or no ticket."
  }

  validation {
    condition     = alltrue([for r in var.receivers : length(r.short_name) <= 12 && length(r.emails) > 0])
    error_message = "A receiver has a short name of more than 12 characters, or reaches nobody."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
}
