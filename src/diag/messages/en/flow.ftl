## flow
