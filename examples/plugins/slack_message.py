"""Our own form of Slack's messages: stands in the place of the built-in channel, and takes its settings."""

import json

from aiops_processor.models.notification import Receipt
from aiops_processor.notifiers.slack import SlackNotifier
from aiops_processor.notifiers.slack_blocks import body
from aiops_processor.plugins import plugin


@plugin("notifier", name="slack")
class OurSlack(SlackNotifier):
    async def send(self, message, key, previous):
        payload = body(message)
        team = message.alerts[0].labels.get("team", "on-call")
        payload["blocks"].append({"type": "context", "elements": [{"type": "mrkdwn", "text": f"Team: {team}"}]})
        return Receipt(data={"status": await self._post.send(json.dumps(payload), {"Idempotency-Key": key})})
