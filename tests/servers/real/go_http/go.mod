module iocpu-trace/tests/go_http

go 1.19
