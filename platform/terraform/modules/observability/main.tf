# Logs with a retention and a daily cap, metrics in a managed Prometheus, and Grafana.
resource "azurerm_log_analytics_workspace" "this" {
  name                = "log-ballast-${var.environment}"
  resource_group_name = var.resource_group_name
  location            = var.location
  sku                 = "PerGB2018"
  retention_in_days   = var.retention_in_days
  # Beyond it Azure takes no more until the next day, and says so in the table Operation.
  daily_quota_gb               = var.daily_quota_gb
  local_authentication_enabled = false
  tags                         = var.tags
}

resource "azurerm_monitor_workspace" "this" {
  name                = "amw-ballast-${var.environment}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_monitor_data_collection_endpoint" "this" {
  name                = "dce-ballast-${var.environment}"
  resource_group_name = var.resource_group_name
  location            = var.location
  kind                = "Linux"
  tags                = var.tags
}

resource "azurerm_monitor_data_collection_rule" "prometheus" {
  name                        = "dcr-ballast-${var.environment}-prometheus"
  resource_group_name         = var.resource_group_name
  location                    = var.location
  kind                        = "Linux"
  data_collection_endpoint_id = azurerm_monitor_data_collection_endpoint.this.id
  tags                        = var.tags

  data_sources {
    prometheus_forwarder {
      name    = "prometheus"
      streams = ["Microsoft-PrometheusMetrics"]
    }
  }

  destinations {
    monitor_account {
      name               = "workspace"
      monitor_account_id = azurerm_monitor_workspace.this.id
    }
  }

  data_flow {
    streams      = ["Microsoft-PrometheusMetrics"]
    destinations = ["workspace"]
  }
}

# Container logs in ContainerLogV2, without those of the cluster's own namespaces.
resource "azurerm_monitor_data_collection_rule" "logs" {
  name                = "dcr-ballast-${var.environment}-logs"
  resource_group_name = var.resource_group_name
  location            = var.location
  kind                = "Linux"
  tags                = var.tags

  data_sources {
    extension {
      name           = "containers"
      extension_name = "ContainerInsights"
      streams        = ["Microsoft-ContainerLogV2", "Microsoft-KubeEvents", "Microsoft-KubePodInventory"]
      extension_json = jsonencode({
        dataCollectionSettings = {
          interval               = "1m"
          namespaceFilteringMode = "Exclude"
          namespaces             = ["kube-system", "gatekeeper-system"]
          enableContainerLogV2   = true
        }
      })
    }
  }

  destinations {
    log_analytics {
      name                  = "workspace"
      workspace_resource_id = azurerm_log_analytics_workspace.this.id
    }
  }

  data_flow {
    streams      = ["Microsoft-ContainerLogV2", "Microsoft-KubeEvents", "Microsoft-KubePodInventory"]
    destinations = ["workspace"]
  }
}

resource "azurerm_dashboard_grafana" "this" {
  name                          = "graf-ballast-${var.environment}"
  resource_group_name           = var.resource_group_name
  location                      = var.location
  grafana_major_version         = "12"
  api_key_enabled               = false
  public_network_access_enabled = true
  zone_redundancy_enabled       = var.zone_redundant_grafana
  tags                          = var.tags

  # Grafana sees what its identity may read.
  identity {
    type = "SystemAssigned"
  }

  azure_monitor_workspace_integrations {
    resource_id = azurerm_monitor_workspace.this.id
  }
}

# Metrics, and the logs of this resource group; nothing of the rest of the subscription.
resource "azurerm_role_assignment" "grafana" {
  for_each = {
    metrics = { scope = azurerm_monitor_workspace.this.id, role = "Monitoring Data Reader" }
    logs    = { scope = azurerm_log_analytics_workspace.this.id, role = "Log Analytics Reader" }
  }
  scope                            = each.value.scope
  role_definition_name             = each.value.role
  principal_id                     = azurerm_dashboard_grafana.this.identity[0].principal_id
  principal_type                   = "ServicePrincipal"
  skip_service_principal_aad_check = true
}

# People who look, and the pipeline that pushes dashboards.
resource "azurerm_role_assignment" "viewers" {
  for_each             = toset(var.grafana_viewer_object_ids)
  scope                = azurerm_dashboard_grafana.this.id
  role_definition_name = "Grafana Viewer"
  principal_id         = each.value
}

# Who is notified: one group for pages and one for tickets, as in alerts/alertmanager.
resource "azurerm_monitor_action_group" "this" {
  for_each            = var.receivers
  name                = "ag-ballast-${var.environment}-${each.key}"
  resource_group_name = var.resource_group_name
  short_name          = each.value.short_name
  tags                = var.tags

  dynamic "email_receiver" {
    for_each = each.value.emails
    content {
      name                    = email_receiver.value
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}
