"""How much of what the gateway takes."""

from typing import Annotated

from pydantic import Field

from .scalars import Whole

MAX_REQUEST_MB = 4
"""The gateway hands a body to the endpoint picker as one message of gRPC, and a server of gRPC in Go takes 4 MiB
(https://pkg.go.dev/google.golang.org/grpc#MaxRecvMsgSize); the picker that KServe 0.20 runs leaves it at that."""

MaxRequestMb = Annotated[Whole, Field(ge=1, le=MAX_REQUEST_MB)]
RequestsPerMinute = Annotated[Whole, Field(ge=0, le=100_000)]
MaxConcurrentRequests = Annotated[Whole, Field(ge=1, le=10_000)]
