{{/* The release's name, with "lbctl" in it once. */}}
{{- define "lbctl.fullname" -}}
{{- if contains "lbctl" .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-lbctl" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What finds a part's pods; never changes, because a Deployment's selector cannot. Takes (dict "root" $ "component" "operator"). */}}
{{- define "lbctl.selectorLabels" -}}
app.kubernetes.io/name: lbctl
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* The labels of everything that belongs to a part. Takes the same. */}}
{{- define "lbctl.labels" -}}
{{ include "lbctl.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* Labels of a part's pods: the user's, which cannot replace those that select. Takes the same. */}}
{{- define "lbctl.podLabels" -}}
{{- $own := include "lbctl.labels" . | fromYaml -}}
{{- $user := get (get .root.Values .component) "podLabels" -}}
{{- toYaml (merge $own $user) -}}
{{- end -}}

{{- define "lbctl.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end -}}

{{/* Where the operator's leader and the speakers keep their Leases, and the pods run. */}}
{{- define "lbctl.operatorName" -}}{{ include "lbctl.fullname" . }}-operator{{- end -}}
{{- define "lbctl.speakerName" -}}{{ include "lbctl.fullname" . }}-speaker{{- end -}}

{{/* What a container may do, for both parts. Takes the capabilities to add as a list. */}}
{{- define "lbctl.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  {{- with . }}
  add: {{ toJson . }}
  {{- end }}
{{- end -}}

{{/* A probe of the speaker. kubelet asks the pod's address, which is the node's, unless told where it listens. */}}
{{- define "lbctl.speakerProbe" -}}
path: {{ .path }}
port: http
{{- if eq .http.address "127.0.0.1" }}
host: 127.0.0.1
{{- end }}
{{- end -}}
