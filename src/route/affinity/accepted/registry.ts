import { apache } from './apache.js';
import { caddy } from './caddy.js';
import { envoy } from './envoy.js';
import type { CookieFormat } from './format.js';
import { haproxy } from './haproxy.js';
import { nginx } from './nginx.js';
import { tomcat } from './tomcat.js';
import { traefik } from './traefik.js';
import { yarp } from './yarp.js';

/** Every kind of cookie that `acceptCookies` can read. A new one is a file and a line here. */
export const cookieFormats: readonly CookieFormat<any>[] = [
  nginx,
  haproxy,
  caddy,
  traefik,
  envoy,
  yarp,
  apache,
  tomcat,
];
