## log
