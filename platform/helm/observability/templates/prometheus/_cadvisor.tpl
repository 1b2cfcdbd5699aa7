{{/*
How Prometheus scrapes the cAdvisor in each kubelet: what containers use, as the node
sees it, and when they started.
*/}}
{{- define "observability.cadvisorConfig" -}}
- job_name: cadvisor
  scheme: https
  metrics_path: /metrics/cadvisor
  {{- with .Values.cadvisor.interval }}
  scrape_interval: {{ . }}
  # A kubelet of a node under stress is slow, and that is when it is listened to.
  scrape_timeout: {{ min (div (mul (include "ballast.milliseconds" . | int64) 4) 5) 10000 }}ms
  {{- end }}
  # The kubelet asks the API server whether this identity may get nodes/metrics.
  authorization:
    credentials_file: /var/run/secrets/kubernetes.io/serviceaccount/token
  tls_config:
    ca_file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    insecure_skip_verify: {{ .Values.cadvisor.insecureSkipVerify }}
  # Samples have the time at which the kubelet looked, every 10 s or so. Without this,
  # those of a container that is gone would be taken for present ones for 5 min.
  track_timestamps_staleness: true
  kubernetes_sd_configs:
    - role: node
  relabel_configs:
    - source_labels: [__meta_kubernetes_node_name]
      target_label: node
  metric_relabel_configs:
    - source_labels: [__name__]
      regex: container_(cpu_usage_seconds_total|cpu_cfs_(periods|throttled_periods|throttled_seconds)_total|memory_working_set_bytes|start_time_seconds)
      action: keep
    # Containers of pods, not the groups that they are in, nor the node's own programs.
    - source_labels: [namespace, pod, container]
      regex: .+;.+;.+
      action: keep
{{- end }}
