{{- define "labels" -}}
app.kubernetes.io/component: operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: keda-operator
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* The image of a part: what is said for all, then for this one. */}}
{{- define "image" -}}
{{- $of := index .root.Values.image .part -}}
{{ .root.Values.global.image.registry | default $of.registry }}/{{ $of.repository }}:{{ $of.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- /* What every Pod has around its container. */}}
{{- define "pod" -}}
securityContext: {runAsNonRoot: true}
nodeSelector: {{ merge (dict "kubernetes.io/os" "linux") .Values.nodeSelector | toJson }}
tolerations: {{ toJson .Values.tolerations }}
{{- end }}

{{- /* What every container has. */}}
{{- define "container" -}}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  capabilities: {drop: [ALL]}
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  seccompProfile: {type: RuntimeDefault}
volumeMounts: [{name: certificates, mountPath: /certs, readOnly: true}]
{{- end }}

{{- define "environment" -}}
- {name: WATCH_NAMESPACE, value: ""}
- {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: KEDA_HTTP_DEFAULT_TIMEOUT, value: "3000"}
- {name: KEDA_HTTP_MIN_TLS_VERSION, value: TLS12}
- {name: KEDA_SERVICE_MIN_TLS_VERSION, value: TLS13}
{{- end }}
