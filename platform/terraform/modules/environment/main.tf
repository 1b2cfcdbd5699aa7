# One environment: network, cluster, observability, identities and a budget, in a resource
# group of its own, so that it can be removed as a whole.
locals {
  tags = {
    application = "ballast"
    environment = var.environment
    managed-by  = "terraform"
  }
}

resource "azurerm_resource_group" "this" {
  name     = "rg-ballast-${var.environment}"
  location = var.location
  tags     = local.tags
}

module "network" {
  source              = "../network"
  environment         = var.environment
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  address_space       = var.address_space
  tags                = local.tags
}

module "observability" {
  source                    = "../observability"
  environment               = var.environment
  resource_group_name       = azurerm_resource_group.this.name
  location                  = var.location
  retention_in_days         = var.log_retention_in_days
  daily_quota_gb            = var.log_daily_quota_gb
  zone_redundant_grafana    = length(var.zones) > 1
  grafana_viewer_object_ids = var.viewer_group_object_ids
  receivers                 = var.receivers
  tags                      = local.tags
}

module "cluster" {
  source                     = "../cluster"
  environment                = var.environment
  resource_group_name        = azurerm_resource_group.this.name
  location                   = var.location
  kubernetes_version         = var.kubernetes_version
  uptime_sla                 = var.uptime_sla
  private                    = var.private
  authorized_ip_ranges       = var.authorized_ip_ranges
  admin_group_object_ids     = var.admin_group_object_ids
  zones                      = var.zones
  system_pool                = var.system_pool
  user_pool                  = var.user_pool
  spot_max_count             = var.spot_max_count
  nodes_subnet_id            = module.network.nodes_subnet_id
  registry_id                = var.registry.id
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  data_collection_rule_ids   = module.observability.data_collection_rule_ids
  faults_allowed             = var.faults_allowed
  maintenance_day            = var.maintenance_day
  tags                       = local.tags
}

module "identities" {
  source              = "../identities"
  environment         = var.environment
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  oidc_issuer_url     = module.cluster.oidc_issuer_url
  tags                = local.tags

  # Where experiments run, the runner queries the managed Prometheus.
  service_accounts = var.faults_allowed ? {
    runner = {
      namespace = "chaos-testing"
      name      = "ballast-runner"
      role      = "Monitoring Data Reader"
      scope     = module.observability.monitor_workspace_id
    }
  } : {}
}

module "budget" {
  source            = "../budget"
  environment       = var.environment
  resource_group_id = azurerm_resource_group.this.id
  monthly_amount    = var.monthly_budget
  start_date        = var.budget_start_date
  contact_emails    = var.receivers["ticket"].emails
  action_group_id   = module.observability.action_group_ids["ticket"]
}
