variable "installation" {
  description = "LETTERHEAD_INSTALLATION: the value of the tag, and the start of the roles' names."
  type        = string
  default     = "letterhead"
}

variable "configuration_set" {
  description = "LETTERHEAD_CONFIGURATION_SET: topic, queue and rule are named after it."
  type        = string
  default     = "letterhead"
}

variable "https_url" {
  description = "HTTPS endpoint of webhooks, https://…/sns; empty: SNS sends to the queue."
  type        = string
  default     = ""
}

variable "event_rule" {
  description = "Whether SES publishes to EventBridge too, and a rule sends its events to the queue."
  type        = bool
  default     = false
}

variable "oidc_issuer" {
  description = "OIDC issuer of the EKS cluster, without https://; empty: no IRSA."
  type        = string
  default     = ""
}

variable "pod_identity" {
  description = "ARN of the EKS cluster whose pods may assume the roles; empty: no Pod Identity."
  type        = string
  default     = ""
}

variable "namespace" {
  description = "Namespace of the service accounts."
  type        = string
  default     = "letterhead"
}

variable "create_roles" {
  description = "Whether to create the roles. Roles have no region: create them in one region of an account."
  type        = bool
  default     = true
}
