#!/usr/bin/env python3
"""A server that speaks S3 (moto), which checks signatures as Amazon does.

    s3.py FOLDER

Listens on a free port, makes the bucket `media` with the files of FOLDER, a user who may do
everything in it, one who may do nothing, and a role that is taken on with a web token. Says on one
line, as JSON, how it is reached. Then it takes lines of JSON, and answers each with one:

    {"put": KEY, "file": PATH}      {"delete": KEY}
    {"fill": PREFIX, "count": N}    N small objects
    {"roll": true}                  a new key; the old one dies
    {"uploads": true}               says which uploads in parts are not finished

It ends with its standard input.
"""

import io
import json
import logging
import pathlib
import sys

import boto3
from moto import settings
from moto.core.responses import ActionAuthenticatorMixin
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
REGION = "eu-central-1"
EVERYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
)


def say(what):
    print(json.dumps(what), flush=True)


def give_keys_for_tokens():
    """What moto lacks of `AssumeRoleWithWebIdentity`: in a query, and without a signature."""
    answer = DomainDispatcherApplication.__call__
    check = ActionAuthenticatorMixin._authenticate_and_authorize_action

    def answer_queries(self, environ, start):
        query = environ.get("QUERY_STRING", "")
        if "Action=AssumeRoleWithWebIdentity" in query:
            environ["wsgi.input"] = io.BytesIO(query.encode())
            environ["CONTENT_LENGTH"] = str(len(query))
            environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
        return answer(self, environ, start)

    def check_signed(self, *arguments):
        if self._get_action() != "AssumeRoleWithWebIdentity":
            check(self, *arguments)

    DomainDispatcherApplication.__call__ = answer_queries
    ActionAuthenticatorMixin._authenticate_and_authorize_action = check_signed


def main():
    give_keys_for_tokens()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    endpoint = f"http://127.0.0.1:{port}"
    settings.INITIAL_NO_AUTH_ACTION_COUNT = float("inf")

    def client(service, **keys):
        keys = keys or {"aws_access_key_id": "setup", "aws_secret_access_key": "setup"}
        return boto3.client(service, region_name=REGION, endpoint_url=endpoint, **keys)

    iam, s3 = client("iam"), client("s3")
    iam.create_user(UserName="reader")
    iam.put_user_policy(
        UserName="reader", PolicyName="everything", PolicyDocument=EVERYTHING
    )
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    iam.create_user(UserName="nobody")
    useless = iam.create_access_key(UserName="nobody")["AccessKey"]
    role = iam.create_role(RoleName="edge", AssumeRolePolicyDocument="{}")["Role"]
    iam.put_role_policy(
        RoleName="edge", PolicyName="everything", PolicyDocument=EVERYTHING
    )
    s3.create_bucket(
        Bucket="media", CreateBucketConfiguration={"LocationConstraint": REGION}
    )

    def put(name, path):
        kind = "text/plain" if name.endswith(".txt") else "application/octet-stream"
        body = pathlib.Path(path).read_bytes()
        s3.put_object(Bucket="media", Key=name, Body=body, ContentType=kind)

    folder = pathlib.Path(sys.argv[1])
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            put(str(path.relative_to(folder)), path)

    # From now on every request is looked at, and ours are made with the user's key.
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    ActionAuthenticatorMixin.request_count = 0

    def keys(key):
        return {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }

    s3 = client("s3", **keys(key))
    say(
        {
            "endpoint": endpoint,
            "region": REGION,
            "bucket": "media",
            "key": [key["AccessKeyId"], key["SecretAccessKey"]],
            "useless": [useless["AccessKeyId"], useless["SecretAccessKey"]],
            "role": role["Arn"],
        }
    )
    for line in sys.stdin:
        order = json.loads(line)
        if "put" in order:
            put(order["put"], order["file"])
            say({})
        elif "delete" in order:
            s3.delete_object(Bucket="media", Key=order["delete"])
            say({})
        elif "fill" in order:
            for number in range(order["count"]):
                name = f"{order['fill']}{number:05}.txt"
                s3.put_object(Bucket="media", Key=name, Body=b"x")
            say({})
        elif "roll" in order:
            settings.INITIAL_NO_AUTH_ACTION_COUNT = float("inf")
            old, key = key, iam.create_access_key(UserName="reader")["AccessKey"]
            iam.delete_access_key(UserName="reader", AccessKeyId=old["AccessKeyId"])
            settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
            s3 = client("s3", **keys(key))
            say({"key": [key["AccessKeyId"], key["SecretAccessKey"]]})
        elif "uploads" in order:
            found = s3.list_multipart_uploads(Bucket="media").get("Uploads", [])
            say({"uploads": [upload["Key"] for upload in found]})


if __name__ == "__main__":
    main()
