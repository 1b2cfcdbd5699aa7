# The state is in a storage account of Azure, one file for each root. Entra ID decides who
# reads it: no shared key is used, and none is in any file.
#
#   terraform init -backend-config=storage_account_name=… -backend-config=resource_group_name=…
terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }

  backend "azurerm" {
    container_name   = "tfstate"
    key              = "shared.tfstate"
    use_azuread_auth = true
    use_oidc         = true
  }
}

provider "azurerm" {
  subscription_id     = var.subscription_id
  storage_use_azuread = true
  use_oidc            = true

  # Version 5 does not register these by itself.
  resource_provider_registrations = "none"
  resource_providers_to_register = [
    "Microsoft.ContainerRegistry",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.OperationalInsights",
  ]

  features {
    # A resource group with resources that Terraform does not know is not deleted.
    resource_group {
      prevent_deletion_if_contains_resources = true
    }
  }
}
