# AKS: an overlay network with Cilium, Entra ID for people and pods, no local accounts.
resource "azurerm_user_assigned_identity" "cluster" {
  name                = "id-aks-ballast-${var.environment}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

# Load balancers and nodes join the network.
resource "azurerm_role_assignment" "network" {
  scope                            = var.nodes_subnet_id
  role_definition_name             = "Network Contributor"
  principal_id                     = azurerm_user_assigned_identity.cluster.principal_id
  principal_type                   = "ServicePrincipal"
  skip_service_principal_aad_check = true
}

# The identity of the nodes exists before them, so that they can pull images at once.
resource "azurerm_user_assigned_identity" "kubelet" {
  name                = "id-aks-ballast-${var.environment}-kubelet"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

# The cluster gives that identity to its nodes.
resource "azurerm_role_assignment" "kubelet" {
  scope                            = azurerm_user_assigned_identity.kubelet.id
  role_definition_name             = "Managed Identity Operator"
  principal_id                     = azurerm_user_assigned_identity.cluster.principal_id
  principal_type                   = "ServicePrincipal"
  skip_service_principal_aad_check = true
}

# Nodes pull images, and may do nothing else in the registry.
resource "azurerm_role_assignment" "pull" {
  scope                            = var.registry_id
  role_definition_name             = "AcrPull"
  principal_id                     = azurerm_user_assigned_identity.kubelet.principal_id
  principal_type                   = "ServicePrincipal"
  skip_service_principal_aad_check = true
}

resource "azurerm_kubernetes_cluster" "this" {
  name                = "aks-ballast-${var.environment}"
  resource_group_name = var.resource_group_name
  location            = var.location
  dns_prefix          = "ballast-${var.environment}"
  kubernetes_version  = var.kubernetes_version
  sku_tier            = var.uptime_sla ? "Standard" : "Free"
  tags                = var.tags

  # Roles of Azure decide who may do what; people sign in with Entra ID.
  local_account_disabled            = true
  role_based_access_control_enabled = true
  run_command_enabled               = false
  oidc_issuer_enabled               = true
  workload_identity_enabled         = true
  azure_policy_enabled              = true

  image_cleaner_enabled        = true
  image_cleaner_interval_hours = 48
  cost_analysis_enabled        = var.uptime_sla

  # Patches of Kubernetes and of the nodes come by themselves, in the windows below.
  automatic_upgrade_channel = "patch"
  node_os_upgrade_channel   = "NodeImage"

  private_cluster_enabled = var.private
  private_dns_zone_id     = var.private ? "System" : null

  dynamic "api_server_access_profile" {
    for_each = !var.private && length(var.authorized_ip_ranges) > 0 ? [1] : []
    content {
      authorized_ip_ranges = var.authorized_ip_ranges
    }
  }

  azure_active_directory_role_based_access_control {
    azure_rbac_enabled     = true
    admin_group_object_ids = var.admin_group_object_ids
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.cluster.id]
  }

  kubelet_identity {
    user_assigned_identity_id = azurerm_user_assigned_identity.kubelet.id
    client_id                 = azurerm_user_assigned_identity.kubelet.client_id
    object_id                 = azurerm_user_assigned_identity.kubelet.principal_id
  }

  # What the cluster itself needs, and nothing else.
  default_node_pool {
    name                         = "system"
    vm_size                      = var.system_pool.vm_size
    auto_scaling_enabled         = true
    min_count                    = var.system_pool.min_count
    max_count                    = var.system_pool.max_count
    max_pods                     = 60
    only_critical_addons_enabled = true
    os_disk_type                 = "Ephemeral"
    os_disk_size_gb              = var.system_pool.os_disk_size_gb
    os_sku                       = "AzureLinux"
    temporary_name_for_rotation  = "systemtmp"
    vnet_subnet_id               = var.nodes_subnet_id
    zones                        = var.zones
    tags                         = var.tags

    upgrade_settings {
      max_surge                     = "33%"
      drain_timeout_in_minutes      = 30
      node_soak_duration_in_minutes = 0
    }
  }

  # Karpenter's counterpart is off: the pools below have the cluster autoscaler.
  node_provisioning_profile {
    mode = "Manual"
  }

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
    pod_cidr            = var.pod_cidr
    service_cidr        = var.service_cidr
    dns_service_ip      = cidrhost(var.service_cidr, 10)
    load_balancer_sku   = "standard"
    outbound_type       = "loadBalancer"
  }

  auto_scaler_profile {
    balance_similar_node_groups = true
    expander                    = "least-waste"
  }

  # Metrics go to the managed Prometheus, container logs to Log Analytics.
  monitor_metrics {}

  oms_agent {
    log_analytics_workspace_id      = var.log_analytics_workspace_id
    msi_auth_for_monitoring_enabled = true
  }

  key_vault_secrets_provider {
    secret_rotation_enabled = true
  }

  maintenance_window_auto_upgrade {
    frequency   = "Weekly"
    interval    = 1
    duration    = 4
    day_of_week = var.maintenance_day
    start_time  = "03:00"
    utc_offset  = "+00:00"
  }

  maintenance_window_node_os {
    frequency   = "Weekly"
    interval    = 1
    duration    = 4
    day_of_week = var.maintenance_day
    start_time  = "08:00"
    utc_offset  = "+00:00"
  }

  lifecycle {
    ignore_changes = [default_node_pool[0].node_count]
  }

  depends_on = [azurerm_role_assignment.network, azurerm_role_assignment.kubelet]
}

# Where applications run.
resource "azurerm_kubernetes_cluster_node_pool" "user" {
  name                        = "user"
  kubernetes_cluster_id       = azurerm_kubernetes_cluster.this.id
  mode                        = "User"
  vm_size                     = var.user_pool.vm_size
  auto_scaling_enabled        = true
  min_count                   = var.user_pool.min_count
  max_count                   = var.user_pool.max_count
  max_pods                    = 60
  os_disk_type                = "Ephemeral"
  os_disk_size_gb             = var.user_pool.os_disk_size_gb
  os_sku                      = "AzureLinux"
  temporary_name_for_rotation = "usertmp"
  vnet_subnet_id              = var.nodes_subnet_id
  zones                       = var.zones
  tags                        = var.tags

  upgrade_settings {
    max_surge                     = "33%"
    drain_timeout_in_minutes      = 30
    node_soak_duration_in_minutes = 0
  }

  lifecycle {
    ignore_changes = [node_count]
  }
}

# Cheap nodes that Azure may take back. There are none until a pod tolerates the taint.
resource "azurerm_kubernetes_cluster_node_pool" "spot" {
  count                 = var.spot_max_count > 0 ? 1 : 0
  name                  = "spot"
  kubernetes_cluster_id = azurerm_kubernetes_cluster.this.id
  mode                  = "User"
  vm_size               = var.user_pool.vm_size
  priority              = "Spot"
  eviction_policy       = "Delete"
  # Up to the price of a node on demand.
  spot_max_price       = -1
  auto_scaling_enabled = true
  min_count            = 0
  max_count            = var.spot_max_count
  max_pods             = 60
  os_disk_type         = "Ephemeral"
  os_disk_size_gb      = var.user_pool.os_disk_size_gb
  os_sku               = "AzureLinux"
  vnet_subnet_id       = var.nodes_subnet_id
  zones                = var.zones
  tags                 = var.tags

  # Azure adds both; saying so keeps plans empty.
  node_labels = { "kubernetes.azure.com/scalesetpriority" = "spot" }
  node_taints = ["kubernetes.azure.com/scalesetpriority=spot:NoSchedule"]

  lifecycle {
    ignore_changes = [node_count]
  }
}

# Refuses pods with too many rights on their node. Chaos Mesh's daemon needs such rights, so its
# namespace is excluded where faults are allowed, and nowhere else.
resource "azurerm_kubernetes_cluster_deployment_safeguard" "this" {
  kubernetes_cluster_id        = azurerm_kubernetes_cluster.this.id
  level                        = "Enforce"
  pod_security_standards_level = "Baseline"
  excluded_namespaces          = var.faults_allowed ? ["chaos-testing"] : []
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  name                           = "to-log-analytics"
  target_resource_id             = azurerm_kubernetes_cluster.this.id
  log_analytics_workspace_id     = var.log_analytics_workspace_id
  log_analytics_destination_type = "Dedicated"

  # Who changed what. Logging reads as well would be most of the bill.
  dynamic "enabled_log" {
    for_each = ["kube-audit-admin", "guard", "cluster-autoscaler", "kube-controller-manager"]
    content {
      category = enabled_log.value
    }
  }
}

resource "azurerm_monitor_data_collection_rule_association" "this" {
  for_each                = var.data_collection_rule_ids
  name                    = "ballast-${each.key}"
  target_resource_id      = azurerm_kubernetes_cluster.this.id
  data_collection_rule_id = each.value
}
