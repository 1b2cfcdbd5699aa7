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

variable "address_space" {
  description = "Addresses of the network, a /16."
  type        = string

  validation {
    condition     = can(cidrhost(var.address_space, 0)) && endswith(var.address_space, "/16")
    error_message = "address_space must be a /16, like 10.10.0.0/16."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
}
