"""Keys, made through the package's own manager, and the request that verifies each."""

import json
import os
from datetime import timedelta
from pathlib import Path

import django
from django.core.management import call_command
from django.utils import timezone

django.setup()
call_command("migrate", verbosity=0, interactive=False)

from rest_framework_api_key.models import APIKey  # noqa: E402  (after the set-up)

until = timezone.now() + timedelta(days=30)
requests = []
for number in range(int(os.environ["KEYS"])):
    _, key = APIKey.objects.create_key(name=f"key {number}", expiry_date=until)
    headers = {"authorization": f"Api-Key {key}"}
    requests.append({"method": "GET", "path": "/verify", "headers": headers, "body": ""})

part = Path(os.environ["FOLDER"], "requests.part")
part.touch(mode=0o600)
part.write_text(json.dumps({"requests": requests}))
