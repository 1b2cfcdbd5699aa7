# The API server is reachable from the virtual network only, faults are refused, and there are
# no spot nodes.
module "environment" {
  source                  = "../../modules/environment"
  environment             = "prod"
  location                = var.location
  address_space           = "10.30.0.0/16"
  uptime_sla              = true
  private                 = true
  authorized_ip_ranges    = var.authorized_ip_ranges
  admin_group_object_ids  = var.admin_group_object_ids
  viewer_group_object_ids = var.viewer_group_object_ids
  zones                   = ["1", "2", "3"]
  faults_allowed          = false
  maintenance_day         = "Thursday"
  log_retention_in_days   = 90
  log_daily_quota_gb      = 10
  monthly_budget          = var.monthly_budget
  budget_start_date       = var.budget_start_date
  receivers               = var.receivers
  registry                = var.registry
  gitops                  = var.gitops
  pipeline_connection     = var.pipeline_connection

  system_pool = {
    vm_size         = "Standard_D2ads_v5"
    min_count       = 3
    max_count       = 5
    os_disk_size_gb = 60
  }

  user_pool = {
    vm_size         = "Standard_D4ads_v5"
    min_count       = 3
    max_count       = 9
    os_disk_size_gb = 100
  }

  spot_max_count = 0
}
