# Argo CD of one environment, whose environment.tf has the values in which they differ.
module "argocd" {
  source           = "../../modules/argocd"
  environment      = local.environment
  cluster_secret   = data.terraform_remote_state.environment.outputs.cluster_secret
  highly_available = local.highly_available
}

# What the root of the environment made.
data "terraform_remote_state" "environment" {
  backend = "azurerm"
  config = merge(var.state, {
    container_name   = "tfstate"
    key              = "${local.environment}.tfstate"
    use_azuread_auth = true
    use_oidc         = true
  })
}
