variable "environment" {
  description = "Name of the environment: dev, staging or prod."
  type        = string
}

variable "cluster_secret" {
  description = "The Secret by which Argo CD knows its cluster, in YAML: output cluster_secret of the environment."
  type        = string

  # The state that was read may be that of another environment.
  validation {
    condition     = yamldecode(var.cluster_secret).metadata.labels["ballast.dev/environment"] == var.environment
    error_message = "cluster_secret is that of another environment: this one's is in the state of environments/${var.environment}."
  }
}

variable "highly_available" {
  description = "Whether Argo CD has two replicas of everything that can have two, spread over the zones."
  type        = bool
}
