{{- define "gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "gateway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "gateway.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "gateway.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gateway.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "gateway.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "gateway.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- /* What selects pods: {{ include "gateway.selector" (dict "root" $ "component" "web") }} */ -}}
{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ include "gateway.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* Every secret by the variable that it stands for: JSON, for fromJson. */ -}}
{{- define "gateway.secrets" -}}
{{- $all := dict "REDIS_URL" .Values.secrets.redisUrl -}}
{{- if (.Values.secrets.gatewaySecret).name -}}
{{- $_ := set $all "GATEWAY_SECRET" .Values.secrets.gatewaySecret -}}
{{- end -}}
{{- range $variable, $reference := .Values.secrets.apiKeys -}}
{{- $_ := set $all $variable $reference -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{- /* The environment that web and worker have in common. */ -}}
{{- define "gateway.env" -}}
- name: GATEWAY_CONFIG
  value: /etc/responses-gateway/gateway.toml
{{- range $variable, $_ := include "gateway.secrets" . | fromJson }}
- name: {{ $variable }}_FILE
  value: /run/secrets/gateway/{{ $variable }}
{{- end }}
{{- range $variable, $value := .Values.env }}
- name: {{ $variable }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{- define "gateway.mounts" -}}
- name: config
  mountPath: /etc/responses-gateway
  readOnly: true
- name: secrets
  mountPath: /run/secrets/gateway
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- end -}}

{{- define "gateway.volumes" -}}
- name: config
  configMap:
    name: {{ include "gateway.fullname" . }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $variable, $reference := include "gateway.secrets" . | fromJson }}
      - secret:
          name: {{ $reference.name }}
          items:
            - key: {{ $reference.key }}
              path: {{ $variable }}
      {{- end }}
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: 256Mi
{{- end -}}

{{- define "gateway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "gateway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* Where pods stand: {{ include "gateway.placement" (dict "root" $ "component" "web") }} */ -}}
{{- define "gateway.placement" -}}
{{- $own := index .root.Values .component -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "gateway.selector" . | nindent 8 }}
{{- with $own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
