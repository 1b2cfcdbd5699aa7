variable "state" {
  description = "Storage account with the states of all roots, and its resource group: what `terraform init` is given, too."
  type = object({
    storage_account_name = string
    resource_group_name  = string
  })
}
