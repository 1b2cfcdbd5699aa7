# The state is in a storage account of Azure, one file for each environment. Entra ID decides
# who reads it: no shared key is used, and none is in any file.
#
#   terraform init -backend-config=storage_account_name=… -backend-config=resource_group_name=…
terraform {
  backend "azurerm" {
    container_name   = "tfstate"
    key              = "prod-argocd.tfstate"
    use_azuread_auth = true
    use_oidc         = true
  }
}
