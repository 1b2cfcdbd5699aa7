variable "environment" {
  description = "Name of the environment."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group that it is in."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes, like 1.34; patches come by themselves. Null: what Azure recommends."
  type        = string
  default     = null
}

variable "uptime_sla" {
  description = "Whether the control plane has an uptime SLA, which costs money; cost analysis comes with it."
  type        = bool
}

variable "private" {
  description = "Whether the API server is reachable from the virtual network only."
  type        = bool
}

variable "authorized_ip_ranges" {
  description = "Addresses that may reach a public API server, in CIDR notation. Empty: all; a token of Entra ID is needed in any case."
  type        = list(string)
  default     = []
}

variable "admin_group_object_ids" {
  description = "Groups of Entra ID that administer the cluster."
  type        = list(string)

  validation {
    condition     = length(var.admin_group_object_ids) > 0
    error_message = "admin_group_object_ids must have at least one group: without local accounts nobody else can administer the cluster."
  }
}

variable "zones" {
  description = "Availability zones of the nodes."
  type        = list(string)
}

variable "system_pool" {
  description = "Nodes of what the cluster itself needs. The disk of the operating system has to fit the size's cache or temporary disk."
  type = object({
    vm_size         = string
    min_count       = number
    max_count       = number
    os_disk_size_gb = number
  })
}

variable "user_pool" {
  description = "Nodes of applications."
  type = object({
    vm_size         = string
    min_count       = number
    max_count       = number
    os_disk_size_gb = number
  })
}

variable "spot_max_count" {
  description = "How many spot nodes there may be; 0: no such pool."
  type        = number
}

variable "nodes_subnet_id" {
  description = "Subnet of the nodes."
  type        = string
}

variable "pod_cidr" {
  description = "Addresses of pods, in the overlay."
  type        = string
  default     = "192.168.0.0/16"
}

variable "service_cidr" {
  description = "Addresses of Services."
  type        = string
  default     = "172.20.0.0/16"
}

variable "registry_id" {
  description = "Registry that nodes pull from."
  type        = string
}

variable "log_analytics_workspace_id" {
  description = "Workspace of container logs and of the audit."
  type        = string
}

variable "data_collection_rule_ids" {
  description = "Rules of what is collected where, by name."
  type        = map(string)
}

variable "faults_allowed" {
  description = "Whether experiments may run in this cluster."
  type        = bool
}

variable "maintenance_day" {
  description = "Day of the week on which nodes and Kubernetes are updated."
  type        = string
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
}
