variable "environment" {
  description = "Name of the environment."
  type        = string
}

variable "resource_group_id" {
  description = "Resource group whose costs are counted."
  type        = string
}

variable "monthly_amount" {
  description = "What a month may cost, in the currency of the subscription."
  type        = number

  validation {
    condition     = var.monthly_amount > 0
    error_message = "monthly_amount must be more than 0."
  }
}

variable "start_date" {
  description = "First day of a month, as 2026-01-01T00:00:00Z."
  type        = string

  validation {
    condition     = can(regex("^20[0-9]{2}-[01][0-9]-01T00:00:00Z$", var.start_date))
    error_message = "start_date must be the first day of a month, like 2026-01-01T00:00:00Z."
  }
}

variable "contact_emails" {
  description = "Who is notified."
  type        = list(string)

  validation {
    condition     = length(var.contact_emails) > 0
    error_message = "contact_emails must have at least one address."
  }
}

variable "action_group_id" {
  description = "Action group that is notified as well."
  type        = string
}
