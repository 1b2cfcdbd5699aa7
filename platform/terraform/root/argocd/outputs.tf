output "argocd" {
  description = "What was installed: chart, version and image."
  value       = "${module.argocd.properties.chart}, image ${module.argocd.properties.image_tag}"
}
