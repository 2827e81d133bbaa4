terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.name

  feedback              = "${var.configuration_set}-feedback"
  configuration_set_arn = "arn:${local.partition}:ses:${local.region}:${local.account}:configuration-set/${var.configuration_set}"
  identities_arn        = "arn:${local.partition}:ses:${local.region}:${local.account}:identity/*"
  topic_arn             = "arn:${local.partition}:sns:${local.region}:${local.account}:${local.feedback}"
  queue_arn             = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.feedback}"
  dead_letters_arn      = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.feedback}-dead"
  rule_arn              = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.feedback}"
  bus_arn               = "arn:${local.partition}:events:${local.region}:${local.account}:event-bus/default"
  oidc_provider_arn     = "arn:${local.partition}:iam::${local.account}:oidc-provider/${var.oidc_issuer}"

  tags = { letterhead = var.installation }
}
