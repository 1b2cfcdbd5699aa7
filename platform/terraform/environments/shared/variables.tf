variable "subscription_id" {
  description = "Subscription of what the environments share."
  type        = string
}

variable "location" {
  description = "Azure region; one with availability zones."
  type        = string
}

variable "registry_name" {
  description = "Name of the registry, unique in Azure: letters and digits."
  type        = string
}

variable "key_vault_name" {
  description = "Name of the vault, unique in Azure."
  type        = string
}

variable "key_administrator_object_ids" {
  description = "Who may make and rotate the key: whoever applies this, and a group of people."
  type        = list(string)
}

variable "key_vault_allowed_ip_ranges" {
  description = "Addresses that the vault answers. Empty: all."
  type        = list(string)
  default     = []
}

variable "release_connection" {
  description = "Issuer and subject of the service connection ballast-release, from the output connections of environments/devops. Null until the connection exists."
  type = object({
    issuer  = string
    subject = string
  })
  default = null
}
