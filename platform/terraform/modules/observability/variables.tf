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
    error_message = "retention_in_days must be from 30 to 730."
  }
}

variable "daily_quota_gb" {
  description = "How many gigabytes of logs a day may have."
  type        = number

  validation {
    condition     = var.daily_quota_gb > 0
    error_message = "daily_quota_gb must be more than 0: -1 means no cap, and 0 stores nothing."
  }
}

variable "zone_redundant_grafana" {
  description = "Whether Grafana survives a zone."
  type        = bool
}

variable "grafana_viewer_object_ids" {
  description = "Groups of Entra ID that may read dashboards."
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
    error_message = "receivers must have the keys page and ticket."
  }

  validation {
    condition     = alltrue([for r in var.receivers : length(r.short_name) <= 12 && length(r.emails) > 0])
    error_message = "Each of receivers needs a short_name of at most 12 characters and at least one of emails."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
}
