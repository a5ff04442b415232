### The words of a share's page, in Spanish.

decimal = ,
skip = Ir al contenido
shared-by = Compartido por { $name }
available-until = Disponible hasta el { $date }
language-name = Español
privacy = Política de privacidad

gate-heading = Este contenido compartido está protegido
gate-hint = Escriba la contraseña que le han dado.
password = Contraseña
open = Abrir
password-wrong = La contraseña no es correcta. Compruébela e inténtelo de nuevo.
password-missing = Escriba la contraseña.
too-many = Demasiados intentos desde su red. Inténtelo de nuevo en { $seconds ->
    [one] un segundo
   *[other] { $seconds } segundos
}.
terms-heading = Términos y condiciones
terms-hint = Acepte los términos para ver y descargar lo que se comparte con usted.
accept = Aceptar y continuar

items = { $count ->
    [one] un elemento
   *[other] { $count } elementos
}
select = Seleccionar { $title }
select-all = Seleccionar todo en esta página
nothing-selected = Seleccione al menos un elemento.
download = Descargar
download-all = Descargar todo
download-selected = Descargar la selección
as-format = Formato
as-default = Formatos predeterminados
as-original = Originales
view-only = Puede ver estos archivos. La descarga está desactivada.
downloads-left = { $count ->
    [one] queda una descarga
   *[other] quedan { $count } descargas
}
downloads-none = No quedan descargas.
empty = No queda nada en este contenido compartido.
unavailable = Ya no está disponible
all-items = Todos los elementos
pages = Páginas
page-previous = Página anterior
page-next = Página siguiente
page-at = Página { $place }
page-go = Ir a la página
item-previous = Anterior
item-next = Siguiente

original = Original
formats = Formatos
preview = Vista previa
no-preview = No hay vista previa de este archivo.
open-document = Abrir el documento en otra pestaña
frame-at = Vista { $place }
turn-hint = Arrastre o pulse las flechas para girar.
download-frames = { $count ->
    [one] Descargar la única vista en un zip
   *[other] Descargar las { $count } vistas en un zip
}
add-format = Añadir un formato
add-format-hint = La imagen en otro tamaño o formato de archivo. Nunca se hace más grande de lo que es.
crop = Recorte
crop-hint = En píxeles desde la esquina superior izquierda. Vacío: toda la imagen.
crop-keys = Dibújelo sobre la imagen o arrástrelo. Las flechas lo mueven, con Mayús cambian su tamaño, Supr toma toda la imagen.
crop-x = Desde la izquierda
crop-y = Desde arriba
crop-width = Anchura del recorte
crop-height = Altura del recorte
width = Anchura en píxeles
height = Altura en píxeles
fit = Si se indican ambas
fit-inside = Toda la imagen dentro de ellas
fit-cover = Rellenar y recortar los bordes
file-format = Formato de archivo
quality = Calidad JPEG, de 1 a 100
format-download = Descargar este formato
format-refused = Esta imagen no está disponible en ese tamaño o formato.
about = Información
tags = Etiquetas
kind-AUDIO = Audio
kind-IMAGE = Imagen
kind-IMAGE_360 = Vista de 360°
kind-OTHER = Documento
kind-PLAYLIST = Lista de reproducción
kind-VIDEO = Vídeo
kind-URL = Enlace

gone-heading = Este contenido ya no se comparte
gone-detail = Ha caducado o se ha retirado. Pida un enlace nuevo a la persona que se lo dio.
missing-heading = Aquí no hay nada
missing-detail = No hay nada en esta dirección. Compruebe que el enlace está completo.
foreign-heading = No se ha aceptado
foreign-detail = La solicitud no venía de esta página. No se ha hecho nada. Abra el enlace de nuevo e inténtelo otra vez.
refused-heading = No es posible
refused-detail = Lo solicitado no se entrega de esta manera.
busy-heading = Un momento
busy-detail = Hay demasiadas solicitudes. Inténtelo de nuevo en unos segundos.
failed-heading = Algo ha fallado
failed-detail = El error es nuestro, no suyo. Inténtelo más tarde. Referencia: { $request }
back-to-share = Volver al contenido compartido
