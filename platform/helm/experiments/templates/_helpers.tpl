{{- define "experiments.labels" -}}
{{ include "ballast.labels" (dict "root" . "name" "ballast-experiments" "component" "runner") }}
{{- end }}

{{/*
The labels of its pods. The chart chaos opens the way to the API server for a pod of this
name.
*/}}
{{- define "experiments.podLabels" -}}
{{ include "ballast.podLabels" (dict "root" . "name" "ballast-runner" "component" "experiments") }}
{{- end }}

{{/*
The name of the Job of what was deployed: its digest and its revision. Both may be missing
before anything was promoted.
*/}}
{{- define "experiments.deployed" -}}
{{- $digest := .Values.deployed.digest | default .Values.image.digest | trimPrefix "sha256:" | trunc 12 | default "none" -}}
{{- printf "experiments-%s-%s" $digest (.Values.deployed.revision | trunc 12 | default "none") | lower | trimSuffix "-" }}
{{- end }}

{{/*
The names of all experiments, each once.
*/}}
{{- define "experiments.names" -}}
{{- concat .Values.experiments .Values.gameDays.experiments | uniq | sortAlpha | toJson }}
{{- end }}

{{/*
What is asked by name, beside the API server.
*/}}
{{- define "experiments.asksOthers" -}}
{{- if or .Values.prometheus.url .Values.verdicts.secret }}true{{ end -}}
{{- end }}

{{/*
Which exit codes end a Job, and that none is tried again. Kubernetes says the exit code in
the reason why a Job failed when a rule names it, and else only that it failed:
1 an experiment failed, 3 one could not be judged, 4 a guard rail ended it, 5 something of a
fault is left, 65 a document is wrong, 69 the verdict could not be attached.
*/}}
{{- define "experiments.once" -}}
backoffLimit: 0
podFailurePolicy:
  rules:
    {{- range list 1 3 4 5 65 69 }}
    - action: FailJob
      onExitCodes: {containerName: experiments, operator: In, values: [{{ . }}]}
    {{- end }}
{{- end }}

{{/*
The pod: (dict "root" $ "names" EXPERIMENTS "attach" BOOL).
*/}}
{{- define "experiments.pod" -}}
{{- $values := .root.Values }}
metadata:
  labels:
    {{- include "experiments.podLabels" .root | nindent 4 }}
spec:
  serviceAccountName: ballast-runner
  # It works through the API server.
  automountServiceAccountToken: true
  enableServiceLinks: false
  restartPolicy: Never
  # It takes away what it has injected.
  terminationGracePeriodSeconds: 60
  securityContext:
    {{- include "ballast.podSecurityContext" .root | nindent 4 }}
  containers:
    - name: experiments
      image: {{ include "ballast.image" (dict "image" $values.image "path" "image") }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args:
        - run
        - --target=cluster
        - --root=/documents
        - --out=/evidence
        - --system-namespace={{ .root.Release.Namespace }}
        {{- if $values.prometheus.url }}
        - {{ printf "--prometheus-url=%s" $values.prometheus.url | quote }}
        {{- if $values.prometheus.httpConfig }}
        - --prometheus-http-config=/documents/prometheus.yaml
        {{- end }}
        {{- else }}
        - --prometheus-namespace={{ $values.prometheus.namespace }}
        {{- end }}
        {{- if .attach }}
        - {{ printf "--attach=%s@%s" $values.deployed.repository $values.deployed.digest | quote }}
        - --revision={{ $values.deployed.revision }}
        - --environment={{ $values.deployed.environment }}
        - --auth=/credential/config.json
        {{- end }}
        {{- range .names }}
        - /documents/chaos/experiments/{{ . }}.yaml
        {{- end }}
      # What failed is in the last lines that it printed.
      terminationMessagePolicy: FallbackToLogsOnError
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      securityContext:
        {{- include "ballast.securityContext" .root | nindent 8 }}
      volumeMounts:
        - {name: documents, mountPath: /documents, readOnly: true}
        - {name: evidence, mountPath: /evidence}
        {{- if .attach }}
        - {name: credential, mountPath: /credential, readOnly: true}
        {{- end }}
  volumes:
    - name: documents
      configMap:
        name: ballast-experiments
        items:
          {{- range include "experiments.names" .root | fromJsonArray }}
          - {key: experiment.{{ . }}.yaml, path: chaos/experiments/{{ . }}.yaml}
          {{- end }}
          {{- range $path, $_ := .root.Files.Glob "slos/*.yaml" }}
          - {key: slo.{{ base $path }}, path: alerts/slo/{{ base $path }}}
          {{- end }}
          {{- range $path, $_ := .root.Files.Glob "rules/*.yaml" }}
          - {key: rules.{{ base $path }}, path: alerts/rules/prometheus/{{ base $path }}}
          {{- end }}
          {{- if $values.prometheus.httpConfig }}
          - {key: prometheus.yaml, path: prometheus.yaml}
          {{- end }}
    - name: evidence
      emptyDir: {sizeLimit: 256Mi}
    {{- if .attach }}
    - name: credential
      secret:
        secretName: {{ $values.verdicts.secret }}
        items: [{key: .dockerconfigjson, path: config.json}]
    {{- end }}
{{- end }}
