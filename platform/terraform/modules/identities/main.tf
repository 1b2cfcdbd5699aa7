# One identity for each ServiceAccount with rights in Azure, federated with the cluster: a pod
# signs in with its own token, and there is no secret.
resource "azurerm_user_assigned_identity" "this" {
  for_each            = var.service_accounts
  name                = "id-ballast-${var.environment}-${each.key}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_federated_identity_credential" "this" {
  for_each                  = var.service_accounts
  name                      = each.key
  user_assigned_identity_id = azurerm_user_assigned_identity.this[each.key].id
  issuer                    = var.oidc_issuer_url
  subject                   = "system:serviceaccount:${each.value.namespace}:${each.value.name}"
  audience                  = ["api://AzureADTokenExchange"]
}

resource "azurerm_role_assignment" "this" {
  for_each                         = var.service_accounts
  scope                            = each.value.scope
  role_definition_name             = each.value.role
  principal_id                     = azurerm_user_assigned_identity.this[each.key].principal_id
  principal_type                   = "ServicePrincipal"
  skip_service_principal_aad_check = true
}
