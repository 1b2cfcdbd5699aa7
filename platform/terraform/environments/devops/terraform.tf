# The provider of Azure DevOps takes its token from AZDO_… variables, as somebody of Entra ID.
terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    azuredevops = {
      source  = "microsoft/azuredevops"
      version = "~> 1.0"
    }
  }

  backend "azurerm" {
    container_name   = "tfstate"
    key              = "devops.tfstate"
    use_azuread_auth = true
    use_oidc         = true
  }
}

provider "azuredevops" {
  org_service_url = var.organization_url
}
