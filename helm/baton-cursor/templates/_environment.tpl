{{/* The container's variables. What a value leaves open is not set, so that the program's own default holds. A name
may be there once only: the API server refuses doubles when objects are applied on its side, as Helm 4 does. */}}
{{- define "baton-cursor.environment" -}}
{{- $own := include "baton-cursor.ownEnvironment" . -}}
{{- $names := list -}}
{{- range fromYamlArray $own }}{{ $names = append $names .name }}{{ end -}}
{{- range .Values.extraEnv -}}
{{- if has .name $names -}}
{{- fail (printf "\n\nextraEnv: %s is set already; it may be there once only, and what the chart sets has a value of its own\n" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{ $own }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "baton-cursor.ownEnvironment" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- {name: BATON_HOST_ID, value: $(POD_NAME)}
- {name: BATON_HEALTH_CHECK, value: "true"}
- {name: BATON_HEALTH_CHECK_BIND_ADDRESS, value: {{ .Values.health.bindAddress | quote }}}
- {name: BATON_HEALTH_CHECK_PORT, value: {{ .Values.health.port | toString | quote }}}
- {name: BATON_METRICS_PORT, value: {{ .Values.metrics.port | toString | quote }}}
- {name: BATON_SHUTDOWN_GRACE, value: "{{ .Values.shutdown.graceSeconds }}s"}
- {name: BATON_C1Z_TEMP_DIR, value: /tmp}
- {name: BATON_LOG_LEVEL, value: {{ .Values.logging.level }}}
- {name: BATON_LOG_FORMAT, value: {{ .Values.logging.format }}}
- {name: NODE_OPTIONS, value: --max-old-space-size-percentage={{ .Values.heapPercent }}}
{{- if .Values.credentials.asEnv }}
{{- range (include "baton-cursor.credentialItems" . | fromYaml).items }}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key | quote }}
      {{- if .optional }}
      optional: true
      {{- end }}
{{- end }}
{{- else }}
- {name: BATON_SECRETS_DIR, value: /run/baton-cursor/credentials}
- {name: BATON_SERVICE, value: "true"}
{{- $secrets := list }}
{{- range (include "baton-cursor.credentialItems" . | fromYaml).items }}{{ $secrets = append $secrets .secret | uniq }}{{ end }}
{{- if eq (len $secrets) 1 }}
- {name: BATON_SECRET_NAME, value: {{ first $secrets }}}
{{- end }}
{{- end }}
{{- if include "baton-cursor.hasLease" . }}
- {name: BATON_LEADER_ELECTION, value: "true"}
- {name: BATON_LEASE_NAME, value: {{ include "baton-cursor.fullname" . }}}
{{- if .Values.leaderElection.strict }}
- {name: BATON_LEADER_ELECTION_STRICT, value: "true"}
{{- end }}
{{- end }}
{{- if and (not .Values.leaderElection.enabled) (ge (int .Values.replicaCount) 2) }}
- {name: BATON_ACTIVE_ACTIVE_REPLICAS, value: {{ .Values.replicaCount | toString | quote }}}
{{- end }}
{{- if not .Values.status.enabled }}
- {name: BATON_STATUS, value: "false"}
{{- end }}
{{- if .Values.events.enabled }}
- name: POD_UID
  valueFrom: {fieldRef: {fieldPath: metadata.uid}}
- {name: BATON_KUBERNETES_EVENTS, value: "true"}
{{- end }}
{{- include "baton-cursor.options" . }}
{{- end }}

{{- define "baton-cursor.options" -}}
{{- $values := .Values -}}
{{- $options := list
  (list "BATON_LOG_PII" $values.logging.people)
  (list "BATON_C1_API_HOST" $values.c1.apiHost)
  (list "BATON_TASK_CONCURRENCY" $values.c1.taskConcurrency)
  (list "BATON_CURSOR_BASE_URL" $values.cursor.baseUrl)
  (list "BATON_CURSOR_REQUESTS_PER_MINUTE" $values.cursor.requestsPerMinute)
  (list "BATON_CURSOR_ROSTER_MAX_AGE" $values.cursor.rosterMaxAge)
  (list "BATON_CURSOR_SKIP_REMOVED" $values.cursor.skipRemoved)
  (list "BATON_CURSOR_MAX_SHRINK_PERCENT" $values.cursor.maxShrinkPercent)
  (list "BATON_CURSOR_SHRINK_STRICT" $values.cursor.shrinkStrict)
  (list "BATON_CURSOR_SHRINK_ACKNOWLEDGED" $values.cursor.shrinkAcknowledged)
  (list "BATON_PROVISIONING" $values.provisioning.enabled)
  (list "BATON_MAX_DELETES_PER_HOUR" $values.provisioning.maxDeletesPerHour)
  (list "BATON_PROVISIONING_DRY_RUN" $values.provisioning.dryRun)
  (list "BATON_CURSOR_PENDING_ACCOUNT" $values.provisioning.pendingAccount)
  (list "BATON_CURSOR_SCIM_ALLOW_DEACTIVATION" $values.provisioning.allowDeactivation)
  (list "BATON_CURSOR_REMOVE_UNMANAGED" $values.provisioning.removeUnmanaged)
  (list "BATON_SCIM_REQUESTS_PER_MINUTE" $values.provisioning.scimRequestsPerMinute)
  (list "BATON_STATUS_PORT" $values.status.port)
  (list "BATON_STATUS_BIND_ADDRESS" $values.status.bindAddress)
  (list "HTTPS_PROXY" $values.proxy.https)
  (list "HTTP_PROXY" $values.proxy.http)
  (list "NO_PROXY" $values.proxy.noProxy)
-}}
{{- range $options }}
{{- $value := last . }}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "") (eq (toString $value) "false")) }}
- {name: {{ first . }}, value: {{ kindIs "float64" $value | ternary (printf "%.0f" (float64 $value)) (toString $value) | quote }}}
{{- end }}
{{- end }}
{{- if or $values.certificateAuthority.configMap $values.certificateAuthority.secret }}
- {name: NODE_EXTRA_CA_CERTS, value: {{ printf "/etc/baton-cursor/ca/%s" $values.certificateAuthority.key | quote }}}
{{- end }}
{{- end }}
