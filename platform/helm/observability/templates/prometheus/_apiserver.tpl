{{/*
How Prometheus scrapes the API server, of which it keeps one series: how many requests came
with a certificate that expires within a week.
*/}}
{{- define "observability.apiServerConfig" -}}
- job_name: apiserver
  scheme: https
  # It has thousands of series, most of which go unread.
  scrape_interval: {{ .Values.apiServer.interval }}
  scrape_timeout: {{ min (div (mul (include "ballast.milliseconds" .Values.apiServer.interval | int64) 4) 5) 10000 }}ms
  authorization:
    credentials_file: /var/run/secrets/kubernetes.io/serviceaccount/token
  tls_config:
    ca_file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    # It is asked by its address, which its certificate need not have.
    server_name: kubernetes.default.svc
  kubernetes_sd_configs:
    - role: endpointslice
      namespaces: {names: [default]}
  relabel_configs:
    - source_labels: [__meta_kubernetes_service_name, __meta_kubernetes_endpointslice_port_name]
      regex: kubernetes;https
      action: keep
  metric_relabel_configs:
    # Prometheus writes the bound of a bucket with a fraction.
    - source_labels: [__name__, le]
      regex: apiserver_client_certificate_expiration_seconds_bucket;604800([.]0)?
      action: keep
{{- end }}
