// The API, shown and tried out by Swagger UI, which comes with flask-openapi3-swagger.
SwaggerUIBundle({ url: "openapi.json", dom_id: "#api", deepLinking: true, tryItOutEnabled: true, validatorUrl: null });
