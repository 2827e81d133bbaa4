# A role per service that calls AWS, assumed by its ServiceAccount: by IRSA, by EKS Pod Identity, or by both.

locals {
  has_cluster = var.oidc_issuer != "" || var.pod_identity != ""
  processes   = ["identity", "verifier", "sender", "webhooks", "doctor"]
  role_policy = "${var.installation}-${local.region}"
}

resource "aws_iam_role" "service" {
  for_each           = local.has_cluster && var.create_roles ? toset(local.processes) : toset([])
  name               = "${var.installation}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
  tags               = local.tags
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(local.processes)
  dynamic "statement" {
    for_each = var.oidc_issuer == "" ? [] : [1]
    content {
      sid     = "ServiceAccount"
      effect  = "Allow"
      actions = ["sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = [local.oidc_provider_arn]
      }
      condition {
        test     = "StringEquals"
        variable = "${var.oidc_issuer}:aud"
        values   = ["sts.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "${var.oidc_issuer}:sub"
        values   = ["system:serviceaccount:${var.namespace}:${each.key}"]
      }
    }
  }
  dynamic "statement" {
    for_each = var.pod_identity == "" ? [] : [1]
    content {
      sid     = "PodIdentity"
      effect  = "Allow"
      actions = ["sts:AssumeRole", "sts:TagSession"]
      principals {
        type        = "Service"
        identifiers = ["pods.eks.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/kubernetes-namespace"
        values   = [var.namespace]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/kubernetes-service-account"
        values   = [each.key]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [var.pod_identity]
      }
    }
  }
}

# Create them after the roles, which another region's module may have created.
resource "aws_iam_role_policy" "identity" {
  count      = local.has_cluster ? 1 : 0
  name       = local.role_policy
  role       = "${var.installation}-identity"
  policy     = data.aws_iam_policy_document.identity.json
  depends_on = [aws_iam_role.service]
}

data "aws_iam_policy_document" "identity" {
  statement {
    sid       = "CreateIdentitiesWithOurTag"
    effect    = "Allow"
    actions   = ["ses:CreateEmailIdentity"]
    resources = [local.identities_arn, local.configuration_set_arn]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/letterhead"
      values   = [var.installation]
    }
  }
  statement {
    sid       = "TagIdentities"
    effect    = "Allow"
    actions   = ["ses:TagResource"]
    resources = [local.identities_arn]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/letterhead"
      values   = [var.installation]
    }
  }
  statement {
    sid    = "ChangeIdentitiesWithOurTag"
    effect = "Allow"
    actions = [
      "ses:DeleteEmailIdentity",
      "ses:PutEmailIdentityDkimSigningAttributes",
      "ses:PutEmailIdentityMailFromAttributes",
    ]
    resources = [local.identities_arn]
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/letterhead"
      values   = [var.installation]
    }
  }
  statement {
    sid       = "ReadIdentities"
    effect    = "Allow"
    actions   = ["ses:GetEmailIdentity"]
    resources = [local.identities_arn]
  }
}

resource "aws_iam_role_policy" "verifier" {
  count      = local.has_cluster ? 1 : 0
  name       = local.role_policy
  role       = "${var.installation}-verifier"
  policy     = data.aws_iam_policy_document.verifier.json
  depends_on = [aws_iam_role.service]
}

data "aws_iam_policy_document" "verifier" {
  statement {
    sid       = "ReadIdentities"
    effect    = "Allow"
    actions   = ["ses:GetEmailIdentity"]
    resources = [local.identities_arn]
  }
  statement {
    sid       = "ReadAccount"
    effect    = "Allow"
    actions   = ["ses:GetAccount", "ses:ListEmailIdentities"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [local.region]
    }
  }
}

resource "aws_iam_role_policy" "sender" {
  count      = local.has_cluster ? 1 : 0
  name       = local.role_policy
  role       = "${var.installation}-sender"
  policy     = data.aws_iam_policy_document.sender.json
  depends_on = [aws_iam_role.service]
}

data "aws_iam_policy_document" "sender" {
  statement {
    sid       = "SendEmail"
    effect    = "Allow"
    actions   = ["ses:SendEmail", "ses:SendRawEmail"]
    resources = [local.identities_arn, local.configuration_set_arn]
  }
}

resource "aws_iam_role_policy" "webhooks" {
  count      = local.has_cluster ? 1 : 0
  name       = local.role_policy
  role       = "${var.installation}-webhooks"
  policy     = data.aws_iam_policy_document.webhooks.json
  depends_on = [aws_iam_role.service]
}

data "aws_iam_policy_document" "webhooks" {
  statement {
    sid       = "ReceiveEvents"
    effect    = "Allow"
    actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
    resources = [local.queue_arn]
  }
  dynamic "statement" {
    for_each = var.https_url == "" ? [] : [1]
    content {
      sid       = "ConfirmSubscription"
      effect    = "Allow"
      actions   = ["sns:ConfirmSubscription"]
      resources = [local.topic_arn]
    }
  }
}

resource "aws_iam_role_policy" "doctor" {
  count      = local.has_cluster ? 1 : 0
  name       = local.role_policy
  role       = "${var.installation}-doctor"
  policy     = data.aws_iam_policy_document.doctor.json
  depends_on = [aws_iam_role.service]
}

data "aws_iam_policy_document" "doctor" {
  statement {
    sid    = "ReadTopic"
    effect = "Allow"
    actions = [
      "sns:GetSubscriptionAttributes",
      "sns:GetTopicAttributes",
      "sns:ListSubscriptionsByTopic",
      "sns:ListTagsForResource",
    ]
    resources = [local.topic_arn]
  }
  statement {
    sid       = "ReadQueues"
    effect    = "Allow"
    actions   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"]
    resources = [local.queue_arn, local.dead_letters_arn]
  }
  statement {
    sid       = "ReadConfigurationSet"
    effect    = "Allow"
    actions   = ["ses:GetConfigurationSet", "ses:GetConfigurationSetEventDestinations"]
    resources = [local.configuration_set_arn]
  }
  dynamic "statement" {
    for_each = var.event_rule ? [1] : []
    content {
      sid       = "ReadRule"
      effect    = "Allow"
      actions   = ["events:DescribeRule", "events:ListTargetsByRule"]
      resources = [local.rule_arn]
    }
  }
}
