/** Of a gRPC call, and not of gRPC-Web, which is ordinary HTTP (gRPC over HTTP/2, "Content-Type"). */
export function isGrpc(contentType: string): boolean {
  return contentType.startsWith('application/grpc') && /^(?:[+;]|$)/.test(contentType.slice(16));
}
