{{/*
The collector's configuration: file -> record -> batch -> VictoriaLogs. Nothing is
lost when the store is away, as long as the files are there: the exporter goes on
trying, its queue fills up, and the receiver stops reading.
*/}}
{{- define "observability.collectorConfig" -}}
extensions:
  # How far each file was read.
  file_storage:
    directory: /var/lib/otelcol
receivers:
  file_log:
    include: [/var/log/pods/*/*/*.log]
    # Its own complaints about a line would be a line to complain about.
    exclude: [/var/log/pods/{{ .Release.Namespace }}_otel-collector-*/*/*.log]
    start_at: {{ .Values.logs.collector.startAt }}
    poll_interval: {{ .Values.logs.collector.pollInterval }}
    include_file_path: true
    include_file_name: false
    # What the runtime has split may be split at a space.
    preserve_trailing_whitespaces: true
    storage: file_storage
    retry_on_failure:
      enabled: true
      max_elapsed_time: 0
    operators:
      # Undoes the runtime's format, joins what it has split, and takes namespace,
      # pod and container from the path.
      - type: container
      # Lines that are JSON can be asked for by their fields. Those that only look
      # like it stay what they are.
      - type: json_parser
        if: body startsWith "{"
        parse_from: body
        parse_to: attributes
        on_error: send_quiet
      # All that it says is in the resource by now.
      - type: remove
        field: attributes["log.file.path"]
processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 80
    spike_limit_percentage: 20
  batch:
    timeout: 200ms
exporters:
  otlp_http:
    logs_endpoint: http://victorialogs.{{ .Release.Namespace }}.svc:9428/insert/opentelemetry/v1/logs
    headers:
      # What makes a stream. The default would make one of every field of the
      # resource, the pod's uid and its count of restarts among them.
      VL-Stream-Fields: k8s.namespace.name,k8s.pod.name,k8s.container.name
      # What the collector says of itself with every line, and nobody asks for.
      VL-Ignore-Fields: scope.name,scope.version,severity_number,severity_text,logtag
    retry_on_failure:
      max_elapsed_time: 0
    # By default it gives up what does not fit into the queue.
    sending_queue:
      block_on_overflow: true
service:
  extensions: [file_storage]
  telemetry:
    # What it read and what it sent.
    metrics:
      level: basic
      readers:
        - pull:
            exporter:
              prometheus: {host: 0.0.0.0, port: 8888}
  pipelines:
    logs:
      receivers: [file_log]
      processors: [memory_limiter, batch]
      exporters: [otlp_http]
{{- end }}
