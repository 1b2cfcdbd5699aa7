# What environments promise of a cluster, for their tests: a test sees outputs of the root
# module and nothing of what lies in modules below it.
output "properties" {
  description = "What is asserted of a plan."
  value = {
    local_account_disabled    = azurerm_kubernetes_cluster.this.local_account_disabled
    azure_rbac_enabled        = azurerm_kubernetes_cluster.this.azure_active_directory_role_based_access_control[0].azure_rbac_enabled
    workload_identity_enabled = azurerm_kubernetes_cluster.this.workload_identity_enabled
    run_command_enabled       = azurerm_kubernetes_cluster.this.run_command_enabled
    private                   = azurerm_kubernetes_cluster.this.private_cluster_enabled
    image_cleaner_enabled     = azurerm_kubernetes_cluster.this.image_cleaner_enabled
    sku_tier                  = azurerm_kubernetes_cluster.this.sku_tier
    zones                     = sort(setintersection(azurerm_kubernetes_cluster.this.default_node_pool[0].zones, azurerm_kubernetes_cluster_node_pool.user.zones))
    user_min_count            = azurerm_kubernetes_cluster_node_pool.user.min_count
    network = join("/", [
      azurerm_kubernetes_cluster.this.network_profile[0].network_plugin,
      azurerm_kubernetes_cluster.this.network_profile[0].network_plugin_mode,
      azurerm_kubernetes_cluster.this.network_profile[0].network_data_plane,
      azurerm_kubernetes_cluster.this.network_profile[0].network_policy,
    ])
    safeguards          = azurerm_kubernetes_cluster_deployment_safeguard.this.level
    safeguards_excluded = azurerm_kubernetes_cluster_deployment_safeguard.this.excluded_namespaces
    spot = one([for pool in azurerm_kubernetes_cluster_node_pool.spot : {
      min      = pool.min_count
      max      = pool.max_count
      priority = pool.priority
    }])
  }
}
