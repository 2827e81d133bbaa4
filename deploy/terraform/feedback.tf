# SES's events: configuration set → topic → queue. `letterhead aws setup` creates the same resources.

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${local.feedback}-dead"
  message_retention_seconds = 1209600
  tags                      = local.tags
}

resource "aws_sns_topic" "feedback" {
  name              = local.feedback
  policy            = data.aws_iam_policy_document.topic.json
  signature_version = 2
  tags              = local.tags
}

# The denials also apply to principals of this account whose own policies would allow it.
data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "AllowSes"
    effect    = "Allow"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]
    principals {
      type        = "Service"
      identifiers = ["ses.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.configuration_set_arn]
    }
  }
  statement {
    sid       = "NotOurConfigurationSet"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "ArnNotEquals"
      variable = "aws:SourceArn"
      values   = [local.configuration_set_arn]
    }
  }
  statement {
    sid       = "NotOurAccount"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "StringNotEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
  statement {
    sid       = "NotOverTls"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue" "feedback" {
  name                       = local.feedback
  policy                     = data.aws_iam_policy_document.queue.json
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 30
  receive_wait_time_seconds  = 20
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 10
  })
  tags = local.tags
}

data "aws_iam_policy_document" "queue" {
  statement {
    sid       = "AllowSns"
    effect    = "Allow"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arn]
    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.topic_arn]
    }
  }
  dynamic "statement" {
    for_each = var.event_rule ? [1] : []
    content {
      sid       = "AllowEvents"
      effect    = "Allow"
      actions   = ["sqs:SendMessage"]
      resources = [local.queue_arn]
      principals {
        type        = "Service"
        identifiers = ["events.amazonaws.com"]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [local.rule_arn]
      }
    }
  }
  statement {
    sid       = "NotOurSource"
    effect    = "Deny"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "ArnNotEquals"
      variable = "aws:SourceArn"
      values   = var.event_rule ? [local.topic_arn, local.rule_arn] : [local.topic_arn]
    }
  }
  statement {
    sid       = "NotOverTls"
    effect    = "Deny"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

# Not raw, because a raw message has no signature.
resource "aws_sns_topic_subscription" "queue" {
  count                = var.https_url == "" ? 1 : 0
  topic_arn            = aws_sns_topic.feedback.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.feedback.arn
  raw_message_delivery = false
}

resource "aws_sns_topic_subscription" "https" {
  count           = var.https_url == "" ? 0 : 1
  topic_arn       = aws_sns_topic.feedback.arn
  protocol        = "https"
  endpoint        = var.https_url
  delivery_policy = jsonencode({ healthyRetryPolicy = { minDelayTarget = 5, maxDelayTarget = 20, numRetries = 3 } })
  redrive_policy  = jsonencode({ deadLetterTargetArn = aws_sqs_queue.feedback.arn })
}

resource "aws_sesv2_configuration_set" "letterhead" {
  configuration_set_name = var.configuration_set
  tags                   = local.tags
}

resource "aws_sesv2_configuration_set_event_destination" "feedback" {
  configuration_set_name = aws_sesv2_configuration_set.letterhead.configuration_set_name
  event_destination_name = "feedback"
  event_destination {
    enabled              = true
    matching_event_types = ["SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "OPEN", "CLICK", "RENDERING_FAILURE", "DELIVERY_DELAY"]
    sns_destination {
      topic_arn = aws_sns_topic.feedback.arn
    }
  }
}

resource "aws_cloudwatch_event_rule" "feedback" {
  count         = var.event_rule ? 1 : 0
  name          = local.feedback
  event_pattern = jsonencode({ source = ["aws.ses"], resources = [local.configuration_set_arn] })
  state         = "ENABLED"
}

resource "aws_cloudwatch_event_target" "feedback" {
  count     = var.event_rule ? 1 : 0
  rule      = aws_cloudwatch_event_rule.feedback[0].name
  target_id = "feedback"
  arn       = aws_sqs_queue.feedback.arn
}

resource "aws_sesv2_configuration_set_event_destination" "events" {
  count                  = var.event_rule ? 1 : 0
  configuration_set_name = aws_sesv2_configuration_set.letterhead.configuration_set_name
  event_destination_name = "feedback-events"
  event_destination {
    enabled              = true
    matching_event_types = ["SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "OPEN", "CLICK", "RENDERING_FAILURE", "DELIVERY_DELAY"]
    event_bridge_destination {
      event_bus_arn = local.bus_arn
    }
  }
}
