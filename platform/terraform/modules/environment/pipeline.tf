# The identity of the pipeline in this environment: it reads images to promote them, and metrics
# to see whether a budget burns after a promotion. Where experiments run it also attaches
# verdicts and logs in to the cluster, with the rights of the chart `chaos`. It cannot sign:
# only the identity of the release can.
resource "azurerm_user_assigned_identity" "pipeline" {
  name                = "id-ballast-${var.environment}-pipeline"
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "pipeline" {
  count                     = var.pipeline_connection == null ? 0 : 1
  name                      = "azure-devops"
  user_assigned_identity_id = azurerm_user_assigned_identity.pipeline.id
  issuer                    = var.pipeline_connection.issuer
  subject                   = var.pipeline_connection.subject
  audience                  = ["api://AzureADTokenExchange"]
}

resource "azurerm_role_assignment" "pipeline" {
  for_each = merge(
    {
      registry   = { scope = var.registry.id, role = var.faults_allowed ? "AcrPush" : "AcrPull" }
      prometheus = { scope = module.observability.monitor_workspace_id, role = "Monitoring Data Reader" }
    },
    var.faults_allowed ? { cluster = { scope = module.cluster.id, role = "Azure Kubernetes Service Cluster User Role" } } : {},
  )
  scope                            = each.value.scope
  role_definition_name             = each.value.role
  principal_id                     = azurerm_user_assigned_identity.pipeline.principal_id
  principal_type                   = "ServicePrincipal"
  skip_service_principal_aad_check = true
}
